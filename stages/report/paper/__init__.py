"""Figures and tables for papers, made by `spam-pipe report --paper` alone."""

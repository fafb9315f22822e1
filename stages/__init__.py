"""The computation: stages take arrays and return arrays (`stages.base` states the contract)."""

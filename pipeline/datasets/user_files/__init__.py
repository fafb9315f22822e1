"""Files that users give beside their images: masks, prompts, factors, label maps."""

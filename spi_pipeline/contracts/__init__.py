"""What the data must be: models and loader of everything under `data_contracts/`. Imports nothing of ours."""

"""The steps of a customer, one file for each. Each command lists its steps; `process` names none of them."""

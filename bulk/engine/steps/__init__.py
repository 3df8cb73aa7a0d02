"""The steps of a customer, one file for each. A command lists those that it takes; `process` names none of them."""

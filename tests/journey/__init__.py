"""What a customer goes through, in a real browser."""

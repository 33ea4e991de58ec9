"""What is compared in an evaluation: methods and their names."""

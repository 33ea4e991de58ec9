"""How good a result is: holes to test with, and scores against the truth."""

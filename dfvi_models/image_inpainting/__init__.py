"""Single frames filled from themselves: one file for each method, and which frames are filled."""

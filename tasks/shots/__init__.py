"""A clip as stages read it: its shots and regions, with grown holes, plates and what was filled laid over it."""

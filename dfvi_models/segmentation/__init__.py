"""Following objects through a video from masks given for a few frames: arrays in, arrays out."""

"""Videos, image folders, audio, masks and flow files: reading and writing."""

"""The kinds of masks that users give, a file each; `parsing` asks them one after the other."""

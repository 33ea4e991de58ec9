"""What stands beside the picture of a video: audio, subtitles, chapters and data on their way to the output."""

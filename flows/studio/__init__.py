"""The studio: a local page in which a person marks something in a video, has it removed, and looks at the result."""

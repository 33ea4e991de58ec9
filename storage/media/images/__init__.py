"""Image files: folders of frames, headers, and frames painted by hand."""

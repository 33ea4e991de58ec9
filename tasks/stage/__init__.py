"""What makes a function a cached stage: keys, reuse and resume, progress, and the methods that parameters name."""

"""Where a root lies: a local folder or an S3 bucket, with locks and atomic writing."""

"""What a mask left beside a hole: blurred edges, contact shadows. Found by what other frames show there."""

"""Direct registration of distant frames: colours for a hole from frames that no chain of flow leads to reliably."""

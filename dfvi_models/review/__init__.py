"""What a person should know about a filled clip: where its pixels came from, how sure they are, where to look first."""

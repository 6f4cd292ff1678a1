"""Pictures of what a trial did, drawn with matplotlib from what it left."""

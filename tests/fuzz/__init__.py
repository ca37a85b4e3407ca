"""Coverage-guided fuzzing of every parser of files: see README.md beside this file."""

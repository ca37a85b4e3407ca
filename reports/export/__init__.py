"""What leaves the warehouse for others: tables for researchers, and what a clinic's system can take."""

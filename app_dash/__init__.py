"""The monitoring dashboard."""

# Before everything else, for the sake of its driver.
import database as database

"""The monitoring dashboard."""

# Imported first, because it sets up the database driver.
import database as database

"""What the product costs, measured."""

# Before everything else, for the sake of its driver.
import database as database

"""What is stored, and the only place that speaks SQL."""

from contextlib import suppress

# The C part of the MySQL driver finds no room for its thread-local storage once pyarrow or
# onnxruntime are loaded, and the driver then falls back to pure Python silently.
with suppress(ImportError):
    import _mysql_connector as _mysql_connector

"""`edge-app evaluate`: cases on recordings, float steps beside the shipped model, and the report of it."""

"""The parts of the Gradio page. `app.py` puts them together; no model is touched here, only the `Counsellor`."""

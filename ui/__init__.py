"""What the screens are made of; the only importer of Streamlit beside app.py, server.py and pages/."""

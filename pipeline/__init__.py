"""지우: the voice pipeline (Wav2Vec2 → BERT → GPT-2 → Tacotron). Importing it loads no model library."""

"""The Tacotron as Keras models: definition only, no file access. Constructor arguments are the checkpoint's config.json.

Wang et al. 2017, "Tacotron: Towards End-to-End Speech Synthesis": CBHG encoder, prenet, attention GRU, two residual
decoder GRUs that emit r mel frames a step, CBHG post-net to a linear spectrogram. Two parts are taken from Tacotron 2
(Shen et al. 2018): location-sensitive attention (Chorowski et al. 2015) and a stop prediction.

Axes in the comments: B clips, N symbols, T decoder steps, r frames a step, M mel bins, D memory channels.

Teacher-forced, the model is given the alignment (`training/align.py`) along with the frames: the attention's recurrent
inputs (last context, last and summed weights) are then known in advance, so no Python or graph loop over T is needed.
Step by step (`Seq2Seq.step`), it goes by its own attention.
"""

from __future__ import annotations

import keras
from keras import layers, ops

PACKAGE = "jiwoo"


@keras.saving.register_keras_serializable(PACKAGE)
class Highway(layers.Layer):
    """y = g·relu(Wx) + (1 − g)·x, (…, units) → (…, units). Srivastava et al. 2015."""

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.transform = layers.Dense(units, activation="relu", name="transform")
        self.gate = layers.Dense(
            units, activation="sigmoid", bias_initializer=keras.initializers.Constant(-1.0), name="gate"
        )

    def build(self, shape):
        self.transform.build(shape)
        self.gate.build(shape)

    def call(self, x):
        gate = self.gate(x)
        return gate * self.transform(x) + (1 - gate) * x

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(PACKAGE)
class Cbhg(layers.Layer):
    """1-D convolution bank, highway network and bidirectional GRU: (B, N, in) → (B, N, 2·units).

    Padded places (mask 0) are zeroed before each convolution and skipped by the GRU, so they do not leak.
    """

    def __init__(self, bank: int, units: int, projection: int, highways: int = 4, **kwargs):
        super().__init__(**kwargs)
        self.bank, self.units, self.projection, self.highways = bank, units, projection, highways
        self.convs = [
            layers.Conv1D(units, k + 1, padding="same", use_bias=False, name=f"bank_{k + 1}") for k in range(bank)
        ]
        self.bank_norm = layers.BatchNormalization(name="bank_norm")
        self.squeeze = layers.Conv1D(projection, 3, padding="same", use_bias=False, name="squeeze")
        self.squeeze_norm = layers.BatchNormalization(name="squeeze_norm")
        self.restore_norm = layers.BatchNormalization(name="restore_norm")
        self.to_highway = layers.Dense(units, name="to_highway")
        self.highway = [Highway(units, name=f"highway_{i}") for i in range(highways)]
        self.gru = layers.Bidirectional(layers.GRU(units, return_sequences=True), name="gru")

    def build(self, shape):
        width = shape[-1]
        self.restore = layers.Conv1D(width, 3, padding="same", use_bias=False, name="restore")
        for conv in self.convs:
            conv.build(shape)
        banked = (*shape[:-1], self.bank * self.units)
        self.bank_norm.build(banked)
        self.squeeze.build(banked)
        squeezed = (*shape[:-1], self.projection)
        self.squeeze_norm.build(squeezed)
        self.restore.build(squeezed)
        self.restore_norm.build(shape)
        self.to_highway.build(shape)
        for layer in (*self.highway, self.gru):
            layer.build((*shape[:-1], self.units))

    def call(self, x, mask, training=False):
        """x: (B, N, in); mask: (B, N) bool."""
        keep = ops.cast(mask, x.dtype)[:, :, None]

        def norm(layer, y, activation=ops.relu):
            return activation(layer(y, training=training, mask=mask)) * keep

        x = x * keep
        y = norm(self.bank_norm, ops.concatenate([conv(x) for conv in self.convs], -1))  # (B, N, bank·units)
        y = ops.maximum(y, ops.pad(y, [(0, 0), (0, 1), (0, 0)])[:, 1:])  # max-pool of width 2, stride 1
        y = norm(self.squeeze_norm, self.squeeze(y))
        y = norm(self.restore_norm, self.restore(y), activation=lambda z: z)
        y = self.to_highway(x + y)
        for layer in self.highway:
            y = layer(y)
        return self.gru(y, mask=mask, training=training) * keep  # (B, N, 2·units)

    def get_config(self):
        own = {"bank": self.bank, "units": self.units, "projection": self.projection, "highways": self.highways}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(PACKAGE)
class Prenet(layers.Layer):
    """Two small layers with dropout that stays on when speaking (the paper's choice): (…, in) → (…, units[-1]).

    masks: one tensor of 0 and 1/(1 − rate) for each layer, to make speaking repeatable; None draws fresh ones.
    """

    def __init__(self, units: tuple[int, ...] = (256, 128), rate: float = 0.5, **kwargs):
        super().__init__(**kwargs)
        self.units, self.rate = tuple(units), rate
        self.dense = [layers.Dense(width, activation="relu", name=f"dense_{i}") for i, width in enumerate(self.units)]
        self.seeds = keras.random.SeedGenerator(0)

    def build(self, shape):
        for layer, width in zip(self.dense, (shape[-1], *self.units), strict=False):
            layer.build((*shape[:-1], width))

    def call(self, x, masks=None):
        for i, layer in enumerate(self.dense):
            x = layer(x)
            x = x * masks[i] if masks is not None else keras.random.dropout(x, self.rate, seed=self.seeds)
        return x

    def get_config(self):
        return {**super().get_config(), "units": self.units, "rate": self.rate}


@keras.saving.register_keras_serializable(PACKAGE)
class LocationAttention(layers.Layer):
    """Additive attention that also sees where it looked last and so far (Chorowski et al. 2015)."""

    def __init__(self, units: int = 128, filters: int = 16, kernel: int = 15, **kwargs):
        super().__init__(**kwargs)
        self.units, self.filters, self.kernel = units, filters, kernel
        self.query = layers.Dense(units, name="query")
        self.key = layers.Dense(units, use_bias=False, name="key")
        self.location = layers.Conv1D(filters, kernel, padding="same", use_bias=False, name="location")
        self.place = layers.Dense(units, use_bias=False, name="place")
        self.energy = layers.Dense(1, use_bias=False, name="energy")

    def build(self, query_shape, memory_shape):
        self.query.build(query_shape)
        self.key.build(memory_shape)
        self.location.build((None, None, 2))
        self.place.build((None, None, self.filters))
        self.energy.build((None, None, self.units))

    def call(self, query, keys, last, total, allowed):
        """query (B, T, q), keys (B, N, units), last and total weights (B, T, N), allowed (B, 1 or T, N) bool
        → log-weights (B, T, N)."""
        batch, steps, n = ops.shape(last)
        seen = ops.reshape(ops.stack([last, total], -1), (-1, n, 2))  # (B·T, N, 2)
        place = ops.reshape(self.place(self.location(seen)), (batch, steps, n, self.units))
        hidden = ops.tanh(self.query(query)[:, :, None] + keys[:, None] + place)  # (B, T, N, units)
        energy = ops.where(allowed, self.energy(hidden)[..., 0], -1e9)
        return ops.log_softmax(energy, axis=-1)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "filters": self.filters, "kernel": self.kernel}


def _delay(x, first):
    """Shift x (B, T, …) by one step, with ``first`` (B, 1, …) in front."""
    return ops.concatenate([first, x[:, :-1]], axis=1)


@keras.saving.register_keras_serializable(PACKAGE)
class Seq2Seq(keras.Model):
    """Symbols → mel frames, alignment and stop prediction.

    n_symbols, n_speakers: sizes of the vocabularies (symbol 0 pads); r: frames a step; n_mels: mel bins.
    """

    def __init__(
        self, n_symbols: int, n_speakers: int, n_mels: int = 80, r: int = 3, embedding: int = 256, speaker: int = 64,
        bank: int = 8, units: int = 128, decoder: int = 256, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.sizes = {
            "n_symbols": n_symbols, "n_speakers": n_speakers, "n_mels": n_mels, "r": r, "embedding": embedding,
            "speaker": speaker, "bank": bank, "units": units, "decoder": decoder,
        }  # fmt: skip
        self.r, self.n_mels, self.decoder_units, self.units = r, n_mels, decoder, units
        self.embed = layers.Embedding(n_symbols, embedding, name="symbols")
        self.embed_speaker = layers.Embedding(n_speakers, speaker, name="speakers")
        self.encoder_dense = [layers.Dense(width, activation="relu", name=f"encoder_{width}") for width in (256, units)]
        self.encoder_dropout = layers.Dropout(0.3)
        self.encoder = Cbhg(bank, units, units, name="encoder")
        self.speaker_to_memory = layers.Dense(2 * units, name="speaker_to_memory")
        self.prenet = Prenet(name="prenet")
        self.attention_gru = layers.GRU(decoder, return_sequences=True, name="attention_gru")
        self.attention = LocationAttention(name="attention")
        self.project = layers.Dense(decoder, name="project")
        self.decoder_grus = [layers.GRU(decoder, return_sequences=True, name=f"decoder_gru_{i}") for i in range(2)]
        self.to_mel = layers.Dense(r * n_mels, name="to_mel")
        self.to_stop = layers.Dense(1, name="to_stop")

    def build(self, _=None):
        sizes, memory = self.sizes, 2 * self.units
        self.embed.build((None, None))
        self.embed_speaker.build((None,))
        for layer, width in zip(self.encoder_dense, (sizes["embedding"], 256), strict=True):
            layer.build((None, None, width))
        self.encoder.build((None, None, self.units))
        self.speaker_to_memory.build((None, None, sizes["speaker"]))
        self.prenet.build((None, None, self.n_mels))
        self.attention_gru.build((None, None, self.prenet.units[-1] + memory + sizes["speaker"]))
        self.attention.build((None, None, self.decoder_units), (None, None, memory))
        self.project.build((None, None, self.decoder_units + memory + sizes["speaker"]))
        for layer in self.decoder_grus:
            layer.build((None, None, self.decoder_units))
        self.to_mel.build((None, None, self.decoder_units))
        self.to_stop.build((None, None, self.decoder_units + memory))
        self.built = True

    def encode(self, symbols, speakers, training=False):
        """symbols (B, N) int, speakers (B,) int → memory (B, N, D), keys (B, N, a), mask (B, N), speaker (B, 1, s)."""
        mask = ops.not_equal(symbols, 0)
        x = self.embed(symbols)
        for layer in self.encoder_dense:
            x = self.encoder_dropout(layer(x), training=training)
        speaker = self.embed_speaker(speakers)[:, None]  # (B, 1, s)
        memory = self.encoder(x, mask, training=training) + self.speaker_to_memory(speaker)  # (B, N, D)
        return memory, self.attention.key(memory), mask, speaker

    def call(self, inputs, training=False):
        """Teacher-forced.

        inputs: symbols (B, N), speakers (B,), frames (B, T, M): the last mel frame of each step, alignment (B, T, N):
        weights that sum to 1 a step, own (B,): 1 where the decoder shall read through its own attention.
        Returns mel (B, T, r·M), log_weights (B, T, N), stop logits (B, T).
        """
        memory, keys, mask, speaker = self.encode(inputs["symbols"], inputs["speakers"], training)
        forced = inputs["alignment"]
        start = ops.one_hot(ops.zeros_like(inputs["speakers"]), ops.shape(forced)[-1])[:, None]  # at "^"
        last = _delay(forced, start)  # (B, T, N)
        total = ops.cumsum(last, axis=1)
        frames = _delay(inputs["frames"], ops.zeros_like(inputs["frames"][:, :1]))
        speaker = ops.repeat(speaker, ops.shape(forced)[1], axis=1)  # (B, T, s)
        heard = ops.concatenate([self.prenet(frames), ops.matmul(last, memory), speaker], -1)
        query = self.attention_gru(heard, training=training)  # (B, T, decoder)
        log_weights = self.attention(query, keys, last, total, mask[:, None])
        own = ops.cast(inputs["own"], forced.dtype)[:, None, None]
        context = ops.matmul(own * ops.exp(log_weights) + (1 - own) * forced, memory)  # (B, T, D)
        x = self.project(ops.concatenate([query, context, speaker], -1))
        for gru in self.decoder_grus:
            x = x + gru(x, training=training)
        stop = self.to_stop(ops.concatenate([x, context], -1))[..., 0]
        return {"mel": self.to_mel(x), "log_weights": log_weights, "stop": stop}

    def first_state(self, memory):
        """The state before the first step, for B clips of one memory (B, N, D)."""
        batch, n = ops.shape(memory)[:2]
        start = ops.one_hot(ops.zeros((batch,), "int32"), n)  # (B, N)
        zeros = ops.zeros((batch, self.decoder_units))
        context = memory[:, 0]
        frame = ops.zeros((batch, self.n_mels))
        return frame, context, start, start, zeros, zeros, zeros

    def step(self, state, encoded, allowed, masks):
        """One step by its own attention. allowed (B, N) bool: where it may look now; masks: see `Prenet`.

        Returns mel (B, r·M), weights (B, N), stop logits (B,), next state.
        """
        memory, keys, _, speaker = encoded
        frame, context, last, total, *hidden = state
        heard = ops.concatenate([self.prenet(frame, masks), context, speaker[:, 0]], -1)
        query, _ = self.attention_gru.cell(heard, [hidden[0]])
        weights = ops.exp(self.attention(query[:, None], keys, last[:, None], total[:, None], allowed[:, None])[:, 0])
        context = ops.matmul(weights[:, None], memory)[:, 0]  # (B, D)
        x = self.project(ops.concatenate([query, context, speaker[:, 0]], -1))
        states = [query]
        for gru, old in zip(self.decoder_grus, hidden[1:], strict=True):
            out, _ = gru.cell(x, [old])
            states.append(out)
            x = x + out
        mel = self.to_mel(x)
        stop = self.to_stop(ops.concatenate([x, context], -1))[..., 0]
        return mel, weights, stop, (mel[:, -self.n_mels :], context, weights, total + weights, *states)

    def get_config(self):
        return {**super().get_config(), **self.sizes}


@keras.saving.register_keras_serializable(PACKAGE)
class PostNet(keras.Model):
    """Mel frames (B, F, n_mels) → linear spectrogram frames (B, F, n_linear)."""

    def __init__(self, n_mels: int = 80, n_linear: int = 513, bank: int = 8, units: int = 128, **kwargs):
        super().__init__(**kwargs)
        self.sizes = {"n_mels": n_mels, "n_linear": n_linear, "bank": bank, "units": units}
        self.cbhg = Cbhg(bank, units, 2 * units, name="cbhg")
        self.to_linear = layers.Dense(n_linear, name="to_linear")

    def build(self, _=None):
        self.cbhg.build((None, None, self.sizes["n_mels"]))
        self.to_linear.build((None, None, 2 * self.sizes["units"]))
        self.built = True

    def call(self, mel, training=False):
        everywhere = ops.ones_like(mel[..., 0], dtype="bool")
        return self.to_linear(self.cbhg(mel, everywhere, training=training))

    def get_config(self):
        return {**super().get_config(), **self.sizes}

"""Weights of a trained spikemix model in the plain PyTorch Spikformer."""
import re
import sys

# Published tensor names -> the peer's.
RENAMES = [
    (r"patch_embed\.proj_(conv|bn)(\d?)\.", lambda m: f"stem.{m[2] or 0}.{m[1][0] if m[1] == 'conv' else 'bn'}."),
    (r"patch_embed\.rpe_(conv|bn)\.", lambda m: f"rpe.{m[1][0] if m[1] == 'conv' else 'bn'}."),
    (r"block\.(\d+)\.attn\.bn\.", lambda m: f"mix.{m[1]}.bn."),
    (r"block\.(\d+)\.attn\.(q|k|v|proj)_(linear|bn)\.",
     lambda m: f"mix.{m[1]}.{m[2]}.{'fc' if m[3] == 'linear' else 'bn'}."),
    (r"block\.(\d+)\.mlp\.fc([12])_(linear|bn)\.",
     lambda m: f"mlp.{m[1]}.{int(m[2]) - 1}.{'fc' if m[3] == 'linear' else 'bn'}."),
]


def peer_name(name):
    for pattern, new in RENAMES:
        name = re.sub("^" + pattern, new, name)
    return name


def load_weights(model, file):
    """@param file  model.safetensors"""
    from safetensors.torch import load_file

    trained = {peer_name(name): tensor for name, tensor in load_file(file).items()}
    missing, unexpected = model.load_state_dict(trained, strict=False)
    # The peer keeps its Haar matrix as a buffer; a file of ours has no constants.
    if unexpected or any(not re.fullmatch(r"mix\.\d+\.w", name) for name in missing):
        sys.exit(f"{file} does not fit the peer: missing {missing}, unexpected {unexpected}")

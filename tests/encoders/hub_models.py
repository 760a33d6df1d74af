"""Small random checkpoints that the real classes of transformers save in their real format."""

from __future__ import annotations

import json
from pathlib import Path

import torch

SMALL = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
TOWER = {**SMALL, "intermediate_size": 32}


def vocabulary(*special: str) -> list[str]:
    """List the special tokens, every byte as byte-level BPE writes it, and its ends of words."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    return [*special, *letters, *(f"{letter}</w>" for letter in letters)]


def save_clip(folder: Path, *, settings_file: str = "preprocessor_config.json") -> Path:
    """Save a CLIP of two layers a tower, with its tokenizer and image processor."""
    import transformers as hub
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokens = vocabulary("<|startoftext|>", "<|endoftext|>")
    tokenizer = hub.CLIPTokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=[])
    end = tokenizer.eos_token_id
    config = hub.CLIPConfig(
        text_config={
            **TOWER,
            "vocab_size": len(tokens),
            "max_position_embeddings": 40,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": end,
            "pad_token_id": end,
        },
        vision_config={**TOWER, "image_size": 32, "patch_size": 8},
        projection_dim=20,
    )
    save(hub.CLIPModel(config), folder)
    tokenizer.save_pretrained(folder)
    size = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    save_settings(CLIPImageProcessorPil(**size), folder, settings_file)
    return folder


def save_siglip(folder: Path, *, naflex: bool = False) -> Path:
    """Save a SigLIP, or the SigLIP 2 that takes patches, with a tokenizer.json like Gemma's."""
    import transformers as hub
    from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

    text = {**TOWER, "vocab_size": 300, "max_position_embeddings": 16, "pad_token_id": 0}
    text |= {"eos_token_id": 1, "bos_token_id": 2}
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    letters = ["▁", *(f"<0x{byte:02X}>" for byte in range(256))]
    letters += [chr(97 + i) for i in range(26)]
    table = {token: number for number, token in enumerate([*special, *letters])}
    tokenizer = Siglip2Tokenizer(vocab=table, merges=[], add_eos_token=True)
    if naflex:
        from transformers.models.siglip2.image_processing_pil_siglip2 import (
            Siglip2ImageProcessorPil,
        )

        vision = {**TOWER, "patch_size": 8, "num_patches": 16}
        config = hub.Siglip2Config(text_config=text, vision_config=vision)
        save(hub.Siglip2Model(config), folder)
        processor = Siglip2ImageProcessorPil(patch_size=8, max_num_patches=20)
    else:
        from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

        vision = {**TOWER, "image_size": 32, "patch_size": 8}
        config = hub.SiglipConfig(text_config=text, vision_config=vision)
        save(hub.SiglipModel(config), folder)
        processor = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    tokenizer.save_pretrained(folder)
    save_settings(processor, folder, "preprocessor_config.json")
    return folder


def save_dino(folder: Path, kind: str) -> Path:
    """Save DINOv2 with registers, DINOv3 or its ConvNeXt, or an ordinary ConvNeXt."""
    import transformers as hub

    if kind == "dinov2-registers":
        config = hub.Dinov2WithRegistersConfig(
            **SMALL, image_size=32, patch_size=8, num_register_tokens=3
        )
        network = hub.Dinov2WithRegistersModel(config)
    elif kind == "dinov3":
        config = hub.DINOv3ViTConfig(
            **TOWER, image_size=32, patch_size=8, num_register_tokens=3, layerscale_value=1.0
        )
        network = hub.DINOv3ViTModel(config)
    else:
        config = hub.DINOv3ConvNextConfig(hidden_sizes=[8, 8, 16, 24], depths=[1, 1, 1, 1])
        network = hub.DINOv3ConvNextModel(config)
    save(network, folder)
    settings = {
        "do_resize": True,
        "size": {"height": 32, "width": 32},
        "do_center_crop": None,
        "crop_size": None,
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def save(network: torch.nn.Module, folder: Path) -> None:
    """Save a network with weights that are all random, and always the same: new ones are not."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    network.save_pretrained(folder)


def save_settings(processor: object, folder: Path, name: str = "preprocessor_config.json") -> None:
    """Save an image processor in the file of transformers 4, or in the one of transformers 5."""
    settings = json.loads(processor.to_json_string())
    held = settings if name == "preprocessor_config.json" else {"image_processor": settings}
    (folder / name).write_text(json.dumps(held))

"""GPUs for `cornernet plan`: their peak rates as NVIDIA states them, and what training reaches."""

# The part of a card's peak that a training reaches, by precision. Estimates, each from a training:
# fp32: the authors' own, 14 days x 10 TITAN X for 500,000 x 49 images of 3 x 904.6 GFLOP (issue 67
# of their repository). The others: ResNet-50 (24.5 GFLOP per training image) on an A100, 938 and
# 2470 images/s in NVIDIA/DeepLearningExamples, PyTorch/Classification/ConvNets/resnet50v1.5.
UTILISATION = {"fp32": 0.50, "tf32": 0.15, "bf16": 0.19}
TITAN_X = "TITAN X (Pascal)"

# Peak TFLOP/s by precision: dense, sums in fp32.
PEAK: dict[str, dict[str, float]] = {
    # 3,584 cores x 2 x 1.531 GHz: https://www.nvidia.com/en-us/titan/titan-x-pascal/ (11 TFLOPS)
    TITAN_X: {"fp32": 11.0},
    # V100 (SXM2) data sheet, NVIDIA, 2020
    "V100": {"fp32": 15.7},
    # Ada GPU architecture white paper, NVIDIA, 2022, appendix A
    "RTX 4090": {"fp32": 82.6, "tf32": 82.6, "bf16": 165.2},
    # A100 80GB (SXM) data sheet, NVIDIA, 2021
    "A100": {"fp32": 19.5, "tf32": 156, "bf16": 312},
    # H100 (SXM) data sheet, NVIDIA, 2023: half of its figures "with sparsity"
    "H100": {"fp32": 67, "tf32": 494, "bf16": 989},
}

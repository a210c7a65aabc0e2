"""Writes metrics.json: expected values of scikit-image, NumPy and SciPy on arrays that the test rebuilds from a formula.

python test/golden/metrics/make.py   (scikit-image 0.26.0, NumPy 2.4.6, SciPy 1.17.1)
"""
import json, pathlib
import numpy, scipy, skimage
from scipy import stats
from skimage.color import rgb2gray
from skimage.metrics import structural_similarity

def picture(kind, height=37, width=29):
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width), numpy.arange(3), indexing="ij")
    base = 0.5 + 0.3 * numpy.sin(0.37 * x + 0.21 * y * (1 + c)) + 0.15 * numpy.cos(0.9 * y - 0.4 * x * c)
    if kind == "truth":
        return base
    if kind == "other":
        return 0.5 + 0.4 * numpy.cos(0.11 * x * x - 0.3 * y + c)
    if kind == "flat":
        return numpy.full_like(base, 0.4)
    return 0.6 * base + 0.1 + 0.05 * numpy.sin(2.1 * x * y + c)   # noisy

SETTINGS = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0)
pairs = {}
truth = picture("truth").astype(numpy.float32).astype(float)
for kind in ("noisy", "other", "flat"):
    recon = picture(kind).astype(numpy.float32).astype(float)
    a, b = rgb2gray(truth), rgb2gray(recon)
    pairs[kind] = {
        "ssim_2d": float(structural_similarity(a, b, **SETTINGS)),
        "ssim_field_v1": float(structural_similarity(a, b, channel_axis=-1, **SETTINGS)),
        "pcc": 0.0 if kind == "flat" else float(numpy.corrcoef(truth.ravel(), recon.ravel())[0, 1]),
        "mse": float(((truth - recon) ** 2).mean()),
    }
i, f = numpy.meshgrid(numpy.arange(12), numpy.arange(20), indexing="ij")
A = numpy.sin(1.3 * i + 0.7 * f * (i + 1)).astype(numpy.float32).astype(float)
B = (0.4 * A + 0.6 * numpy.cos(2.1 * i * f + f)).astype(numpy.float32).astype(float)
R = numpy.corrcoef(A, B)[:12, 12:]
d = numpy.diag(R)
recon_to_truth = [float((R[:, j] < d[j]).sum() / 11) for j in range(12)]
truth_to_recon = [float((R[j, :] < d[j]).sum() / 11) for j in range(12)]
m = int((R[:, 3] > d[3]).sum())
pvalues = [0.01, 0.04, 0.03, 0.005]
sign = stats.permutation_test((A[:, 0] - B[:, 0] + 0.3,), numpy.mean, permutation_type="samples", n_resamples=numpy.inf)
out = {
    "note": "made by make.py with scikit-image %s, NumPy %s, SciPy %s" % (skimage.__version__, numpy.__version__, scipy.__version__),
    "pairs": pairs,
    "features": {
        "similarity": R.ravel().tolist(), "recon_to_truth": recon_to_truth, "truth_to_recon": truth_to_recon,
        "cosine": [float(a @ b / numpy.linalg.norm(a) / numpy.linalg.norm(b)) for a, b in zip(A, B)],
        "unit_r": [float(numpy.corrcoef(A[:, k], B[:, k])[0, 1]) for k in range(20)],
        "pattern_r": [float(numpy.corrcoef(A[k], B[k])[0, 1]) for k in range(12)],
        "quartiles": numpy.quantile(A[:, 0], [0.25, 0.5, 0.75]).tolist(),
        "top1_of_5_item_3": float(stats.hypergeom(11, m, 4).pmf(0)), "top2_of_5_item_3": float(stats.hypergeom(11, m, 4).cdf(1)), "beaten_by_item_3": m,
    },
    "hypergeom": [[D, mm, n, k, float(stats.hypergeom(D, mm, n - 1).cdf(k - 1))] for D, mm, n, k in [(981, 3, 50, 1), (981, 40, 50, 5), (99, 99, 10, 1), (299, 0, 300, 1), (20, 7, 5, 4)]],
    "sign_flip": {"difference": (A[:, 0] - B[:, 0] + 0.3).tolist(), "p": float(sign.pvalue)},
    "holm": {"p": pvalues, "adjusted": [0.03, 0.06, 0.06, 0.02]},
}
pathlib.Path(__file__).with_name("metrics.json").write_text(json.dumps(out, indent=1) + "\n")

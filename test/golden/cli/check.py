"""Runs the verbs of the built command line and compares what they write with nibabel, h5py, NumPy, scikit-learn, SciPy and onnxruntime.

    python check.py DATA WORKSPACE RUN [SUBJECT]

DATA: an NSD folder (the demo). WORKSPACE, RUN: a finished run on it, only read. Not part of the tests. Prints one line per part with the
largest difference; exits 1 if one is above its bound.
"""
import glob, json, os, shutil, subprocess, sys, tempfile
import h5py, nibabel as nib, numpy as np, onnxruntime as ort, scipy.io
from sklearn.linear_model import Ridge

data, workspace, run = sys.argv[1:4]
subject = sys.argv[4] if len(sys.argv) > 4 else 'subj01'
root = os.path.abspath(os.path.join(os.path.dirname(__file__), '../../..'))
node = os.path.join(root, 'node_modules/node/bin/node')
out = tempfile.mkdtemp(prefix='optogram-check-')
wrong = []


def cli(*words):
    done = subprocess.run([node, os.path.join(root, 'out/main/cli.js'), *map(str, words), '--json'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def report(name, difference, bound):
    ok = bool(difference <= bound)
    print(f'{"ok   " if ok else "WRONG"} {name}: largest difference {difference:.3g} (bound {bound:.0e})')
    if not ok: wrong.append(name)


def at(name): return os.path.join(out, name)


# responses: trials by h5py, order by SciPy, mask by nibabel
cli('responses', data, '--subject', subject, '--atlas', 'Kastner2015', '--out', at('x.npy'))
x, about = np.load(at('x.npy')), json.load(open(at('x.json')))
ijk, func = np.array(about['voxels']), f'{data}/nsddata/ppdata/{subject}/func1pt8mm'
labels = np.asarray(nib.load(f'{func}/roi/Kastner2015.nii.gz').dataobj)
mask = np.argwhere((labels > 0).transpose(2, 1, 0))[:, ::-1]  # file order: i fastest
report('responses: voxels in file order', 0 if np.array_equal(mask, ijk) else 1, 0)
design = scipy.io.loadmat(f'{data}/nsddata/experiments/nsd/nsd_expdesign.mat')
sessions = sorted(glob.glob(f'{data}/nsddata_betas/ppdata/{subject}/func1pt8mm/*/betas_session*.hdf5'))
trials = np.concatenate([h5py.File(f, 'r')['betas'][:][:, ijk[:, 2], ijk[:, 1], ijk[:, 0]] for f in sessions]).astype(np.float64) / 300
shown = design['subjectim'][int(subject[-2:]) - 1][design['masterordering'].ravel()[:len(trials)] - 1] - 1
expected = np.stack([trials[shown == i].mean(0) for i in about['imageIds']])
report('responses: averaged percent signal change', np.abs(x - expected).max(), 1e-5)
report('responses: repeats', np.abs(np.array(about['repeats']) - [np.sum(shown == i) for i in about['imageIds']]).max(), 0)

# fit, predict: Ridge with intercept, one penalty
rng = np.random.default_rng(7)
y = (x[:, :40] @ rng.standard_normal((40, 9)) + rng.standard_normal((len(x), 9))).astype(np.float32)
np.save(at('y.npy'), y)
for alpha in (0.5, 50.0, 5000.0):
    cli('fit', '--x', at('x.npy'), '--y', at('y.npy'), '--out', at(f'd{alpha}'), '--alphas', alpha)
    cli('predict', '--decoder', at(f'd{alpha}'), '--x', at('x.npy'), '--out', at('p.npy'))
    truth = Ridge(alpha=alpha).fit(x.astype(np.float64), y.astype(np.float64)).predict(x.astype(np.float64))
    report(f'fit and predict: scikit-learn Ridge, alpha {alpha:g}', np.abs(np.load(at('p.npy')) - truth).max() / y.std(), 2e-4)

# map: four files, one map
flat = None
for kind, space in (('pattern', 'z'), ('weight', 'clip'), ('noise-ceiling', 'z')):
    for name in ('m.npy', 'm.nii.gz', 'm.mgz', 'm.gii'): cli('map', '--workspace', workspace, '--run', run, '--kind', kind, '--space', space, '--out', at(name))
    flat, volume = np.load(at('m.npy')), nib.load(at('m.nii.gz'))
    reference = nib.load(f'{func}/roi/Kastner2015.nii.gz')
    grid = np.asarray(volume.dataobj)
    inside = grid.transpose(2, 1, 0)[~np.isnan(grid.transpose(2, 1, 0))]
    report(f'map {kind} {space}: nii.gz is npy on the grid', np.abs(inside - flat).max() if inside.shape == flat.shape else 9, 0)
    report(f'map {kind} {space}: affine', np.abs(volume.affine - reference.affine).max(), 1e-4)
    depths = []
    for d in ('B1', 'B2', 'B3'):
        xyz = np.squeeze(np.asarray(nib.load(f'{data}/nsddata/ppdata/{subject}/transforms/lh.func1pt8-to-layer{d}.mgz').dataobj))
        xyz = xyz if xyz.shape[-1] == 3 else xyz.T
        near = np.floor(xyz - 1 + 0.5).astype(int)  # nearest voxel, 1-based
        inside = np.all((near >= 0) & (near < grid.shape), 1)
        values = np.full(len(near), np.nan)
        values[inside] = grid[tuple(near[inside].T)]
        depths.append(values)
    depths = np.array(depths)
    count = np.sum(~np.isnan(depths), 0)
    surface = np.where(count > 0, np.nansum(depths, 0) / np.maximum(count, 1), np.nan)
    mgz, gii = np.squeeze(np.asarray(nib.load(at('m.mgz')).dataobj)), nib.load(at('m.gii')).agg_data()
    report(f'map {kind} {space}: mgz equals gii', np.nanmax(np.abs(mgz - gii)) if np.array_equal(np.isnan(mgz), np.isnan(gii)) else 9, 0)
    same = np.isnan(mgz) == np.isnan(surface)
    report(f'map {kind} {space}: vertices with a value', np.sum(~same), 0)
    report(f'map {kind} {space}: nearest voxel, mean of depths', np.nanmax(np.abs(mgz - surface)) / np.nanmax(np.abs(surface)), 1e-6)

# score
a, b = rng.integers(0, 256, (2, 5, 64, 64, 3), dtype=np.uint8)
b = ((a.astype(int) + b) // 2).astype(np.uint8)
np.save(at('t.npy'), a); np.save(at('r.npy'), b)
metrics = {m['name']: m for m in cli('score', '--truth', at('t.npy'), '--recon', at('r.npy'))['metrics']}
fa, fb = a.reshape(5, -1) / 255, b.reshape(5, -1) / 255
report('score: pcc', max(abs(np.corrcoef(p, q)[0, 1] - v) for p, q, v in zip(fa, fb, metrics['pcc']['perImage'])), 1e-6)
report('score: mse', np.abs(((fa - fb) ** 2).mean(1) - metrics['mse']['perImage']).max(), 1e-7)
try:
    from skimage.metrics import structural_similarity
    weights = np.array([0.2125, 0.7154, 0.0721])
    ssim = [structural_similarity(p / 255 @ weights, q / 255 @ weights, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False) for p, q in zip(a, b)]
    report('score: ssim_2d', np.abs(np.array(ssim) - metrics['ssim_2d']['perImage']).max(), 1e-6)
except ImportError:
    print('      score: ssim_2d not checked, scikit-image is absent')

# tap, vjp
models = os.path.join(root, 'resources/models/demo')
tensor = '/model/vision_model/encoder/layers.2/mlp/fc2/Add_output_0'
cli('tap', f'{models}/image_encoder/model.onnx', '--tensors', tensor, '--out', at('tap.onnx'))
pixels = rng.standard_normal((2, 3, 64, 64)).astype(np.float32)
plain = ort.InferenceSession(f'{models}/image_encoder/model.onnx').run(['image_embeds'], {'pixel_values': pixels})
tapped = ort.InferenceSession(at('tap.onnx')).run(['image_embeds', tensor], {'pixel_values': pixels})
report('tap: outputs unchanged', np.abs(plain[0] - tapped[0]).max(), 1e-5)
report('tap: finite inner tensor of shape [2, 65, 96]', 0 if tapped[1].shape == (2, 65, 96) and np.isfinite(tapped[1]).all() else 1, 0)
cli('vjp', f'{models}/vae_decoder/model.onnx', '--wrt', 'latent_sample', '--shape', 'latent_sample=1x4x16x16', '--out', at('grad.onnx'))
latent, way = rng.standard_normal((2, 1, 4, 16, 16)).astype(np.float32)
up = rng.standard_normal((1, 3, 128, 128)).astype(np.float32)
grad, model = ort.InferenceSession(at('grad.onnx')), ort.InferenceSession(f'{models}/vae_decoder/model.onnx')
picture, slope = grad.run(['sample', 'latent_sample_grad'], {'latent_sample': latent, 'sample_grad': up})
f = lambda h: float((model.run(['sample'], {'latent_sample': latent + np.float32(h) * way})[0].astype(np.float64) * up).sum())
h = 1e-2
analytic, numeric = float((slope.astype(np.float64) * way).sum()), (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)
report('vjp: output of the graph', np.abs(picture - model.run(['sample'], {'latent_sample': latent})[0]).max(), 1e-4)
report('vjp: slope along a random direction, relative', abs(analytic - numeric) / abs(numeric), 5e-3)

shutil.rmtree(out)
sys.exit(1 if wrong else 0)

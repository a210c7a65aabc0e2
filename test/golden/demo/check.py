"""Opens every file of a demo dataset with independent readers (nibabel, h5py, SciPy, json, csv) and checks shapes, types and values.

    python check.py DEMO_DIR

Not part of the tests. Written against nibabel 5, h5py 3, SciPy 1.10+, NumPy. Prints one line per part; exits 1 if anything is wrong.
"""
import csv, gzip, json, os, struct, sys
import h5py, nibabel as nib, numpy as np, scipy.io
from nibabel.freesurfer import read_geometry, read_morph_data

root = sys.argv[1]
wrong, opened = [], set()


def path(*parts):
    p = os.path.join(root, *parts)
    opened.add(os.path.relpath(p, root))
    return p


def check(name, condition, detail=''):
    if not condition:
        wrong.append(f'{name} {detail}')
        print('WRONG', name, detail)


def patch(file):
    raw = open(file, 'rb').read()
    minus, n = struct.unpack('>ii', raw[:8])
    check(file, minus == -1 and len(raw) == 8 + 16 * n)
    rec = np.frombuffer(raw[8:], np.dtype([('v', '>i4'), ('xyz', '>f4', 3)]))
    return np.abs(rec['v']) - 1, rec['v'] < 0, rec['xyz'].astype(float)


def ctab(file):
    pairs = [line.split()[:2] for line in open(file)]
    check(file, [int(a) for a, _ in pairs] == list(range(len(pairs))) and pairs[0][1] == 'Unknown')
    return [b for _, b in pairs]


check('synthetic', 'SYNTHETIC' in open(path('nsddata/information/synthetic.txt')).read())
subjects = sorted(s for s in os.listdir(os.path.join(root, 'nsddata/ppdata')) if s.startswith('subj'))

# Design
mat = scipy.io.loadmat(path('nsddata/experiments/nsd/nsd_expdesign.mat'))
mo, si, sh = mat['masterordering'], mat['subjectim'], mat['sharedix']
sessions = mat['stimpattern'].shape[0]
check('masterordering', mo.shape == (1, 750 * sessions) and np.all(np.bincount(mo[0].astype(int))[1:] == 3))
check('no picture twice in a row', np.all(np.diff(mo[0].astype(int)) != 0))
check('subjectim', si.shape == (len(subjects), 250 * sessions))
check('sharedix', np.array_equal(sh[0], si[0, :sh.shape[1]]) and np.all(np.diff(sh[0].astype(int)) > 0))
check('shared alike', all(np.array_equal(si[0, :sh.shape[1]], row[:sh.shape[1]]) for row in si))
check('own pictures', len(set(si[:, sh.shape[1]:].ravel())) == si[:, sh.shape[1]:].size and not set(si[:, sh.shape[1]:].ravel()) & set(sh[0]))
check('stimpattern', mat['stimpattern'].shape == (sessions, 12, 75) and np.all(mat['stimpattern'].sum((1, 2)) == 750))
check('basiccnt', mat['basiccnt'].shape == (3, sessions) and np.all((mat['basiccnt'] * np.array([[1], [2], [3]])).sum(0) == 750))
pictures = int(sh.shape[1] + si[:, sh.shape[1]:].size)
rows = list(csv.DictReader(open(path('nsddata/experiments/nsd/nsd_stim_info_merged.csv'))))
check('csv', len(rows) == pictures and len(rows[0]) == 41, f'{len(rows)} rows {len(rows[0])} columns')
for n, row in enumerate(rows):
    check('csv nsdId', int(row['nsdId']) == n == int(row['']))
    crop = eval(row['cropBox'])
    check('cropBox', len(crop) == 4 and sum(v == 0 for v in crop) >= 2 and abs(sum(crop) - .2) < 1e-5, row['cropBox'])
check('csv shared', {n for n, r in enumerate(rows) if r['shared1000'] == 'True'} == set(sh[0].astype(int) - 1))
for u in range(1, len(subjects) + 1):
    for n, r in enumerate(rows):
        for k in range(3):
            t = int(r[f'subject{u}_rep{k}'])
            check('csv trial', (t > 0) == (r[f'subject{u}'] == '1') and (t == 0 or si[u - 1, int(mo[0, t - 1]) - 1] - 1 == n))
print('design:', pictures, 'pictures,', sessions, 'sessions,', sh.shape[1], 'shared')

# Stimuli and captions
with h5py.File(path('nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5')) as f:
    brick = f['imgBrick']
    check('imgBrick', brick.shape == (pictures, 128, 128, 3) and brick.dtype == np.uint8 and brick.chunks is None)
    images = brick[:]
check('pictures differ', images.std((1, 2, 3)).min() > 5 and len({i.tobytes() for i in images}) == pictures)
from PIL import Image
folder = 'nsddata/stimuli/nsd/shared1000'
for name in os.listdir(os.path.join(root, folder)):
    n = int(name.split('nsd')[1][:5]) - 1
    check(name, np.array_equal(np.asarray(Image.open(path(folder, name)).convert('RGB')), images[n]) and sh[0, int(name[6:10]) - 1] - 1 == n)
captions, boxes = {}, 0
for split in ('train2017', 'val2017'):
    c = json.load(open(path('nsddata_stimuli/stimuli/nsd/annotations', f'captions_{split}.json')))
    i = json.load(open(path('nsddata_stimuli/stimuli/nsd/annotations', f'instances_{split}.json')))
    for a in c['annotations']:
        captions.setdefault(a['image_id'], []).append(a['caption'])
    check(split, {im['id'] for im in c['images']} == {int(r['cocoId']) for r in rows if r['cocoSplit'] == split})
    for a in i['annotations']:
        xy = np.array(a['segmentation'][0]).reshape(-1, 2)
        check('bbox', np.allclose(a['bbox'], [*xy.min(0), *(xy.max(0) - xy.min(0))], atol=.02) and a['area'] > 0)
        boxes += 1
check('captions', len(captions) == pictures and all(len(v) == 5 for v in captions.values()))
print('stimuli:', images.shape, 'captions e.g.', captions[int(rows[0]['cocoId'])][0], '; objects', boxes)


def surfaces(subject):
    out = {}
    for hh in ('lh', 'rh'):
        base = f'nsddata/freesurfer/{subject}/surf'
        meshes = {}
        for name in ('white', 'pial', 'inflated', 'sphere', 'sphere.reg', 'layerB1', 'layerB2', 'layerB3'):
            xyz, tri = read_geometry(path(base, f'{hh}.{name}'))
            check(f'{subject} {hh}.{name}', xyz.shape == (10242, 3) and tri.shape == (20480, 3) and np.isfinite(xyz).all())
            n = np.cross(xyz[tri[:, 1]] - xyz[tri[:, 0]], xyz[tri[:, 2]] - xyz[tri[:, 0]])
            volume = (xyz[tri[:, 0]] * n).sum() / 6
            check(f'{subject} {hh}.{name} faces outwards', volume > 0, str(volume))
            meshes[name] = xyz
        check('sphere radius', np.allclose(np.linalg.norm(meshes['sphere'], axis=1), 100, atol=1e-3))
        curv, sulc, thick = (read_morph_data(path(base, f'{hh}.{n}')) for n in ('curv', 'sulc', 'thickness'))
        area = read_morph_data(path(base, f'{hh}.area'))
        mgz = nib.load(path(base, f'{hh}.curvature.mgz'))
        check('curvature.mgz', mgz.shape == (10242, 1, 1) and np.allclose(np.asarray(mgz.dataobj).ravel(), curv, atol=1e-6) and mgz.get_data_dtype() == np.dtype('>f4'))
        check('positive in sulci', np.corrcoef(curv, sulc)[0, 1] > .5, str(np.corrcoef(curv, sulc)[0, 1]))
        v, border, flat = patch(path(base, f'{hh}.full.flat.patch.3d'))
        inside = np.zeros(10242, bool); inside[v] = True
        pos = np.zeros((10242, 2)); pos[v] = flat[:, :2]
        f = tri[inside[tri].all(1)]
        e1, e2 = pos[f[:, 1]] - pos[f[:, 0]], pos[f[:, 2]] - pos[f[:, 0]]
        signed = (e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]) / 2
        white_area = np.linalg.norm(np.cross(meshes['white'][f[:, 1]] - meshes['white'][f[:, 0]], meshes['white'][f[:, 2]] - meshes['white'][f[:, 0]]), axis=1) / 2
        check(f'{subject} {hh} flat: no triangle turned over', (signed > 0).all(), f'{(signed <= 0).sum()} of {len(f)}')
        print(f'{subject} {hh}: white area {area.sum():.0f} mm2, thickness {np.percentile(thick, [5, 50, 95]).round(2)}, patch {len(v)} vertices {border.sum()} at its border, '
              f'flat/white area {signed.sum() / white_area.sum():.2f}')
        out[hh] = (meshes, tri)
    labels = sorted(n for n in os.listdir(os.path.join(root, f'nsddata/freesurfer/{subject}/label')))
    for n in labels:
        if n.endswith('.ctab'):
            ctab(path(f'nsddata/freesurfer/{subject}/label', n))
        else:
            img = nib.load(path(f'nsddata/freesurfer/{subject}/label', n))
            check(n, img.shape == (10242, 1, 1) and img.get_data_dtype() == np.dtype('>f4'))
    return out


template = surfaces('fsaverage')
for u, subject in enumerate(subjects, 1):
    mesh = surfaces(subject)
    func = f'nsddata/ppdata/{subject}/func1pt8mm'
    mask_img = nib.load(path(func, 'brainmask.nii.gz'))
    mask = np.asarray(mask_img.dataobj)
    grid = mask.shape
    h = mask_img.header
    check('brainmask', mask.dtype == np.int16 and set(np.unique(mask)) == {0, 1})
    size = float(h['pixdim'][1])
    check('header', int(h['sform_code']) == 1 and int(h['qform_code']) == 0 and float(h['scl_slope']) in (0,) or np.isnan(float(h['scl_slope'])))
    check('affine', np.allclose(mask_img.affine, np.array([[size, 0, 0, (1 - (1 + grid[0]) / 2) * size], [0, size, 0, (1 - (1 + grid[1]) / 2) * size], [0, 0, size, (1 - (1 + grid[2]) / 2) * size], [0, 0, 0, 1]])))
    labels = {}
    for name in ('nsdgeneral', 'prf-visualrois', 'prf-eccrois', 'streams', 'Kastner2015'):
        three = [nib.load(path(func, 'roi', f'{p}{name}.nii.gz')) for p in ('', 'lh.', 'rh.')]
        data = [np.asarray(i.dataobj) for i in three]
        top = len(ctab(path(f'nsddata/freesurfer/{subject}/label/{name}.mgz.ctab'))) - 1
        check(name, all(d.dtype == np.float64 and d.shape == grid and set(np.unique(d)) <= set(range(-1, top + 1)) for d in data))
        check(name + ' hemispheres', np.all((data[0] >= 0) >= ((data[1] >= 0) | (data[2] >= 0))) and np.all(mask[data[0] >= 0] == 1))
        labels[name] = data[0]
    groups = dict(V1=(1, 2), V2=(3, 4), V3=(5, 6), hV4=(7,), VO=(8, 9), PHC=(10, 11), MST=(12,), MT=(13,), LO=(14, 15), V3ab=(16, 17), IPS=range(18, 24))
    merged = np.where(labels['prf-visualrois'] > 0, labels['prf-visualrois'], labels['Kastner2015'])
    counts = {g: int(np.isin(merged, list(l)).sum()) for g, l in groups.items()}
    check('groups of 60 voxels or more', min(counts.values()) >= 60, str(counts))
    for name in ('T1_to_func1pt8mm', 'mean', 'valid', 'prf_angle', 'prf_eccentricity', 'prf_size'):
        img = nib.load(path(func, f'{name}.nii.gz'))
        check(name, img.shape == grid and img.get_data_dtype() == np.float32)
    for s in range(1, sessions + 1):
        check('valid', np.array_equal(np.asarray(nib.load(path(func, f'valid_session{s:02d}.nii.gz')).dataobj), mask))
    angle, ecc = (np.asarray(nib.load(path(func, f'prf_{n}.nii.gz')).dataobj) for n in ('angle', 'eccentricity'))
    # Lower field above the calcarine, upper field below; the left hemisphere sees the right.
    upper = np.sin(np.deg2rad(angle))
    check('V1v sees up, V1d down', np.nanmean(upper[merged == 1]) > .2 and np.nanmean(upper[merged == 2]) < -.2)
    left = nib.load(path(func, 'roi', 'lh.prf-visualrois.nii.gz')).get_fdata() > 0
    check('left sees right', np.nanmean(np.cos(np.deg2rad(angle[left]))) > .3)
    for hh in ('lh', 'rh'):
        meshes, _ = mesh[hh]
        fit = []
        for name in ('white', 'pial', 'layerB1', 'layerB2', 'layerB3'):
            t = nib.load(path(f'nsddata/ppdata/{subject}/transforms', f'{hh}.func1pt8-to-{name}.mgz'))
            check('transform', t.shape == (10242, 1, 1, 3), str(t.shape))
            c = np.asarray(t.dataobj).reshape(10242, 3)
            ok = (c != 9999).all(1)
            check('coordinates', (c[ok] >= 1).all() and (c[ok] <= np.array(grid)).all())
            d = c[ok] * size - meshes[name][ok]
            fit.append(d.std(0).max())
            i = np.rint(c[ok]).astype(int) - 1
            if name == 'layerB2':
                near = labels['Kastner2015'][tuple(i.T)]
                surf = np.asarray(nib.load(path(f'nsddata/freesurfer/{subject}/label', f'{hh}.Kastner2015.mgz')).dataobj).ravel()[ok]
                agree = (near == surf)[surf > 0].mean()
                check('volume labels under surface labels', agree > .6, str(agree))
        check('transforms are the surfaces', max(fit) < 1e-3, str(fit))
        for name, a, b in (('white-to-fsaverage', mesh[hh][0]['sphere.reg'], template[hh][0]['sphere']), ('fsaverage-to-white', template[hh][0]['sphere'], mesh[hh][0]['sphere.reg'])):
            t = np.asarray(nib.load(path(f'nsddata/ppdata/{subject}/transforms', f'{hh}.{name}.mgz')).dataobj).ravel()
            some = np.arange(0, 10242, 97)
            check(name, np.array_equal(np.argmin(((b[some][:, None] - a[None]) ** 2).sum(-1), 1) + 1, t[some].astype(int)))
    # Behaviour
    beh = list(csv.DictReader(open(path(f'nsddata/ppdata/{subject}/behav/responses.tsv')), delimiter='\t'))
    check('responses.tsv', len(beh) == 750 * sessions and len(beh[0]) == 19)
    check('73KID', all(int(r['73KID']) == si[u - 1, int(mo[0, t]) - 1] and int(r['10KID']) == mo[0, t] for t, r in enumerate(beh)))
    # Betas
    base = f'nsddata_betas/ppdata/{subject}/func1pt8mm/betas_fithrf_GLMdenoise_RR'
    z = []
    for s in range(1, sessions + 1):
        with h5py.File(path(base, f'betas_session{s:02d}.hdf5')) as f:
            d = f['betas']
            check('betas', d.shape == (750, *grid[::-1]) and d.dtype == np.int16 and d.chunks == (750, 1, 1, 1) and d.compression is None)
            b = d[:]
        check('betas inside the mask', np.array_equal((b != 0).any(0).T, mask == 1))
        ms = np.asarray(nib.load(path(base, f'meanbeta_session{s:02d}.nii.gz')).dataobj)
        check('meanbeta', np.allclose(ms, b.mean(0).T, atol=.02))
        x = b.astype(float).transpose(3, 2, 1, 0)[mask == 1]
        z.append((x - x.mean(1, keepdims=True)) / x.std(1, ddof=1, keepdims=True))
        check('range', np.abs(b.astype(int)).max() < 32767)
    z = np.concatenate(z, 1)
    order = np.argsort(mo[0], kind='stable').reshape(-1, 3)
    noise = z[:, order].var(2, ddof=1).mean(1)
    ncsnr = np.sqrt(np.clip(1 - noise, 0, None) / noise)
    stored = np.asarray(nib.load(path(base, 'ncsnr.nii.gz')).dataobj)
    check('ncsnr', np.allclose(stored[mask == 1], ncsnr, atol=1e-4))
    for n in ('meanbeta', 'R2'):
        check(n, nib.load(path(base, f'{n}.nii.gz')).get_data_dtype() == np.float32)
    roi = np.isin(merged, range(1, 24))
    # Truth
    t = f'truth/{subject}'
    vox, snr = np.load(path(t, 'voxels.npy')), np.load(path(t, 'snr.npy'))
    for n in ('areas', 'family-shares', 'tuning', 'receptive-fields'):
        check(n, len(np.load(path(t, f'{n}.npy'))) == len(vox))
    json.load(open(path(t, 'columns.json')))
    shares = np.load(path(t, 'family-shares.npy')).sum(1)
    check('shares', np.allclose(shares[snr > 0], 1, atol=1e-5) and np.all(shares[snr == 0] == 0))
    r = np.corrcoef(stored[tuple(vox.T)], snr)[0, 1]
    check('ncsnr recovers the planted snr', r > .9, str(r))
    for n in ('z', 'c', 'clip'):
        img = nib.load(path(t, f'sensitivity_{n}.nii.gz')); v = np.asarray(img.dataobj)
        check(n, v.dtype == np.float32 and v.min() >= 0 and v.max() <= 1 and np.all(v[tuple(vox[snr == 0].T)] == 0))
    silent = stored[tuple(vox[snr == 0].T)]
    print(f'{subject}: grid {grid} of {size:.1f} mm, mask {int(mask.sum())}, ROI voxels {int(roi.sum())} {counts}')
    print(f'{subject}: ncsnr in ROIs median {np.median(stored[roi]):.3f}, quartiles {np.percentile(stored[roi], [25, 75]).round(3)}, max {stored[roi].max():.2f}; '
          f'silent voxels {np.median(silent):.3f}; elsewhere {np.median(stored[(mask == 1) & ~roi]):.3f}; r with planted {r:.3f}')

left_over = [os.path.relpath(os.path.join(d, f), root) for d, _, fs in os.walk(root) for f in fs]
left_over = [f for f in left_over if f not in opened]
check('every file opened', not left_over, str(left_over[:5]))
print(len(opened), 'files opened;', 'all well' if not wrong else f'{len(wrong)} wrong')
sys.exit(1 if wrong else 0)

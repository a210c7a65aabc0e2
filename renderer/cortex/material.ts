/**
 * The shader of the cortex: morph, underlay, map, outlines. Colours are computed and written in sRGB, so that what the legend
 * shows is what the surface shows (times its shading).
 */
import { DataTexture, GLSL3, LinearFilter, RGBAFormat, ShaderMaterial, UnsignedByteType, Vector3 } from 'three';
import { LUT_ENTRIES, LUTS } from '../../common/colour/luts.ts';
import type { BelowThreshold, Scale } from '../../common/colour/scale.ts';

const BELOW: { readonly [Rule in BelowThreshold]: number } = { fade: 0, hide: 1, show: 2 };

const VERTEX = /* glsl */ `
in vec3 targetPosition;
in vec3 targetNormal;
in vec2 mapped;
in vec4 fieldsA;
in vec4 fieldsB;
in float curvature;
in vec2 emphasis;
uniform float uMix;
out vec3 vNormal;
out vec3 vToEye;
out vec2 vMapped;
out vec4 vFieldsA;
out vec4 vFieldsB;
out float vCurvature;
out vec2 vEmphasis;
void main() {
  vec4 eye = modelViewMatrix * vec4(mix(position, targetPosition, uMix), 1.0);
  vNormal = normalMatrix * normalize(mix(normal, targetNormal, uMix));
  vToEye = -eye.xyz;
  vMapped = mapped;
  vFieldsA = fieldsA;
  vFieldsB = fieldsB;
  vCurvature = curvature;
  vEmphasis = emphasis;
  gl_Position = projectionMatrix * eye;
}`;

const FRAGMENT = /* glsl */ `
precision highp float;
in vec3 vNormal;
in vec3 vToEye;
in vec2 vMapped;
in vec4 vFieldsA;
in vec4 vFieldsB;
in float vCurvature;
in vec2 vEmphasis;
uniform sampler2D uLut;
uniform float uLow, uHigh, uThreshold, uOpacity, uSigned, uContour;
uniform int uBelow;
uniform vec3 uGyrus, uSulcus, uLine, uCasing, uMark;
uniform float uSoftUnderlay, uContrast, uShading, uOutline, uOutlineWidth, uFocus;
out vec4 colour;

float line(float field, float level, float halfWidth) {
  float width = max(fwidth(field), 1e-5);
  return 1.0 - smoothstep(halfWidth - 0.5, halfWidth + 0.5, abs(field - level) / width);
}
float lines(float halfWidth) {
  vec4 a = vec4(line(vFieldsA.x, 0.5, halfWidth), line(vFieldsA.y, 0.5, halfWidth), line(vFieldsA.z, 0.5, halfWidth), line(vFieldsA.w, 0.5, halfWidth));
  vec4 b = vec4(line(vFieldsB.x, 0.5, halfWidth), line(vFieldsB.y, 0.5, halfWidth), line(vFieldsB.z, 0.5, halfWidth), line(vFieldsB.w, 0.5, halfWidth));
  vec4 most = max(a, b);
  return max(max(most.x, most.y), max(most.z, most.w));
}

void main() {
  vec3 n = normalize(vNormal);
  vec3 eye = normalize(vToEye);
  if (dot(n, eye) < 0.0) n = -n;

  // Underlay: two tones that meet in one pixel, or a soft ramp.
  float edge = max(fwidth(vCurvature) * 0.75, 0.02);
  float tone = mix(smoothstep(-edge, edge, vCurvature), 0.5 + 0.5 * vCurvature, uSoftUnderlay);
  vec3 base = mix(uGyrus, uSulcus, tone * uContrast);

  // Map: interpolated over defined vertices only; undefined is transparent.
  float defined = vMapped.y;
  float value = vMapped.x / max(defined, 1e-4);
  float size = uSigned > 0.5 ? abs(value) : value;
  float alpha = uOpacity;
  if (uBelow != 2 && uThreshold > 0.0 && size < uThreshold) {
    float ratio = max(0.0, size / uThreshold);
    alpha = uBelow == 1 ? 0.0 : uOpacity * ratio * ratio;
  }
  alpha *= smoothstep(0.35, 0.65, defined);
  float place = clamp((value - uLow) / max(uHigh - uLow, 1e-20), 0.0, 1.0);
  vec3 hue = texture(uLut, vec2((place * ${LUT_ENTRIES - 1}.0 + 0.5) / ${LUT_ENTRIES}.0, 0.5)).rgb;

  // Light: a lamp above the left shoulder of the viewer, a weaker one from below, and a soft darkening towards the rim.
  float key = max(dot(n, normalize(vec3(-0.35, 0.55, 0.76))), 0.0);
  float fill = max(dot(n, normalize(vec3(0.6, -0.35, 0.55))), 0.0);
  float rim = pow(1.0 - max(dot(n, eye), 0.0), 2.2);
  float shade = mix(1.0, 0.44 + 0.56 * key + 0.12 * fill - 0.22 * rim, uShading);
  vec3 lit = mix(base * shade, hue * mix(1.0, shade, 0.5), alpha);

  // Region focus dims the rest.
  float dim = uFocus * (1.0 - smoothstep(0.35, 0.65, vEmphasis.x));
  vec3 grey = vec3(dot(lit, vec3(0.299, 0.587, 0.114)));
  lit = mix(lit, mix(grey, uGyrus, 0.35) * 0.8, dim * 0.6);

  if (uContour > 0.5 && uThreshold > 0.0 && uBelow != 2) {
    float c = line(size, uThreshold, 0.8) * smoothstep(0.6, 0.9, defined);
    lit = mix(lit, uCasing, c * 0.75);
  }
  if (uOutline > 0.5) {
    lit = mix(lit, uCasing, lines(uOutlineWidth + 1.0) * 0.45);
    lit = mix(lit, uLine, lines(uOutlineWidth) * 0.95);
  }
  float ring = line(vEmphasis.y, 0.5, 2.0) * step(0.02, vEmphasis.y);
  lit = mix(lit, uMark, ring);
  lit = mix(lit, uMark, smoothstep(0.5, 1.0, vEmphasis.y) * 0.35);
  colour = vec4(lit, 1.0);
}`;

export interface UnderlayTones {
  readonly gyrus: string;
  readonly sulcus: string;
  readonly line: string;
  readonly casing: string;
  readonly mark: string;
}

/** Tones that go with the colour behind the cortex (which is not the theme: papers want white, inspection dark). */
export const TONES: { readonly dark: UnderlayTones; readonly light: UnderlayTones } = {
  dark: { gyrus: '#9a9ea6', sulcus: '#5f646d', line: '#ffffff', casing: '#0b0d10', mark: '#6CA8FF' },
  light: { gyrus: '#dfe1e5', sulcus: '#a9adb5', line: '#14171b', casing: '#ffffff', mark: '#0B5CC4' },
};

/** Components of a CSS colour as they are, without a conversion to linear light. */
function encoded(css: string): Vector3 {
  const hex = Number.parseInt(css.slice(1), 16);
  return new Vector3((hex >> 16) / 255, ((hex >> 8) & 255) / 255, (hex & 255) / 255);
}

export interface CortexMaterial {
  readonly material: ShaderMaterial;
  setScale(scale: Scale): void;
  setTones(tones: UnderlayTones): void;
  set(name: 'uMix' | 'uShading' | 'uOutline' | 'uOutlineWidth' | 'uFocus' | 'uContour' | 'uContrast' | 'uSoftUnderlay', value: number): void;
  dispose(): void;
}

export function createCortexMaterial(): CortexMaterial {
  const texture = new DataTexture(new Uint8Array(LUT_ENTRIES * 4), LUT_ENTRIES, 1, RGBAFormat, UnsignedByteType);
  texture.magFilter = LinearFilter;
  texture.minFilter = LinearFilter;
  const uniforms = {
    uMix: { value: 0 }, uLut: { value: texture }, uLow: { value: 0 }, uHigh: { value: 1 }, uThreshold: { value: 0 }, uOpacity: { value: 0 },
    uSigned: { value: 0 }, uBelow: { value: 0 }, uContour: { value: 0 }, uGyrus: { value: new Vector3() }, uSulcus: { value: new Vector3() },
    uLine: { value: new Vector3() }, uCasing: { value: new Vector3() }, uMark: { value: new Vector3() }, uSoftUnderlay: { value: 0 },
    uContrast: { value: 1 }, uShading: { value: 1 }, uOutline: { value: 1 }, uOutlineWidth: { value: 0.9 }, uFocus: { value: 0 },
  };
  const material = new ShaderMaterial({ glslVersion: GLSL3, vertexShader: VERTEX, fragmentShader: FRAGMENT, uniforms, toneMapped: false });
  let shown: string | null = null;
  return {
    material,
    setScale(scale) {
      if (shown !== scale.lut) {
        texture.image.data?.set(LUTS[scale.lut].rgba);
        texture.needsUpdate = true;
        shown = scale.lut;
      }
      uniforms.uLow.value = scale.low;
      uniforms.uHigh.value = scale.high;
      uniforms.uThreshold.value = scale.threshold;
      uniforms.uOpacity.value = scale.opacity;
      uniforms.uSigned.value = scale.signed ? 1 : 0;
      uniforms.uBelow.value = BELOW[scale.below];
    },
    setTones(tones) {
      uniforms.uGyrus.value = encoded(tones.gyrus);
      uniforms.uSulcus.value = encoded(tones.sulcus);
      uniforms.uLine.value = encoded(tones.line);
      uniforms.uCasing.value = encoded(tones.casing);
      uniforms.uMark.value = encoded(tones.mark);
    },
    set(name, value) { uniforms[name].value = value; },
    dispose() { texture.dispose(); material.dispose(); },
  };
}

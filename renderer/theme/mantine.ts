/** Mantine in the colours and sizes of the house. */
import { createTheme } from '@mantine/core';
import type { CSSVariablesResolver, MantineColorsTuple } from '@mantine/core';

const ACCENT: MantineColorsTuple = ['#e9f2ff', '#cfe2ff', '#a5c9ff', '#86b7ff', '#6ca8ff', '#4a90f0', '#2a78dc', '#0b5cc4', '#094da5', '#073f87'];

export const THEME = createTheme({
  primaryColor: 'accent',
  colors: { accent: ACCENT },
  primaryShade: { light: 7, dark: 4 },
  autoContrast: true,
  luminanceThreshold: 0.36,
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono', ui-monospace, monospace",
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  lineHeights: { xs: '16px', sm: '18px', md: '20px', lg: '22px', xl: '26px' },
  defaultRadius: 6,
  cursorType: 'default',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'xs' } },
    ActionIcon: { defaultProps: { size: 28, variant: 'subtle', color: 'gray' } },
    TextInput: { defaultProps: { size: 'xs' } },
    NumberInput: { defaultProps: { size: 'xs' } },
    Select: { defaultProps: { size: 'xs', allowDeselect: false, withCheckIcon: true, comboboxProps: { shadow: 'md' } } },
    Switch: { defaultProps: { size: 'xs' } },
    Checkbox: { defaultProps: { size: 'xs' } },
    SegmentedControl: { defaultProps: { size: 'xs' } },
    Tooltip: { defaultProps: { openDelay: 350, withArrow: false, offset: 6, multiline: true, maw: 280, fz: 12 } },
    Menu: { defaultProps: { shadow: 'md', transitionProps: { duration: 100 } } },
    Popover: { defaultProps: { shadow: 'md', transitionProps: { duration: 100 } } },
    // The page itself never scrolls; locking it would write a style element without this load's nonce.
    Spotlight: { defaultProps: { lockScroll: false } },
    Modal: { defaultProps: { centered: true, lockScroll: false, transitionProps: { duration: 120 }, overlayProps: { backgroundOpacity: 0.45 } } },
  },
});

/** Mantine's own variables point at ours, so that both agree in either theme. */
export const VARIABLES: CSSVariablesResolver = () => ({
  variables: {},
  dark: {
    '--mantine-color-body': 'var(--panel)', '--mantine-color-text': 'var(--text)', '--mantine-color-dimmed': 'var(--secondary)',
    '--mantine-color-default': 'var(--raised)', '--mantine-color-default-hover': 'var(--hover)', '--mantine-color-default-border': 'var(--hairline)',
    '--mantine-color-default-color': 'var(--text)', '--mantine-color-placeholder': 'var(--disabled)', '--mantine-color-anchor': 'var(--accent)',
    '--mantine-color-error': 'var(--error)', '--mantine-color-dark-6': '#262a31', '--mantine-color-dark-7': '#1c1f24', '--mantine-color-dark-8': '#16181c',
    '--mantine-color-dark-5': '#2d323a', '--mantine-color-dark-4': '#3a404b',
  },
  light: {
    '--mantine-color-body': 'var(--panel)', '--mantine-color-text': 'var(--text)', '--mantine-color-dimmed': 'var(--secondary)',
    '--mantine-color-default': 'var(--panel)', '--mantine-color-default-hover': 'var(--raised)', '--mantine-color-default-border': '#cfd4db',
    '--mantine-color-default-color': 'var(--text)', '--mantine-color-placeholder': 'var(--disabled)', '--mantine-color-anchor': 'var(--accent)',
    '--mantine-color-error': 'var(--error)',
  },
});

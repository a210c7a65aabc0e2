/** The terms under which the Natural Scenes Dataset is shared, in substance. Source: NSD Data Manual, "Terms and Conditions" (nsd-data-format 9). */
export const NSD_TERMS = {
  text: 'The Natural Scenes Dataset is shared under its own agreement: for research and education only, not to be passed on in whole or in part, no attempt to identify people, '
    + 'and its paper (Allen et al. 2022) is to be cited. Optogram reads your copy where it lies and puts nothing of it into an export unless you ask for it.',
  link: 'https://naturalscenesdataset.org',
} as const;

/** Every rule for responders that teemu is held to, by the part of the specification. */
import { APPLICATION_RULES } from './application.ts';
import { HANDSHAKE_RULES } from './handshake.ts';
import { IDENTITY_RULES } from './identity.ts';
import { MEASUREMENTS_RULES } from './measurements.ts';
import type { Rule } from './model.ts';
import { MUTUAL_RULES } from './mutual.ts';
import { ALGORITHMS_RULES, CAPABILITIES_RULES, SHORT_RULES } from './negotiation.ts';
import { ORDER_RULES } from './order.ts';
import { SECURED_RULES } from './secured.ts';

export const RULES: readonly Rule[] = [
  ...CAPABILITIES_RULES,
  ...ALGORITHMS_RULES,
  ...SHORT_RULES,
  ...IDENTITY_RULES,
  ...MEASUREMENTS_RULES,
  ...HANDSHAKE_RULES,
  ...MUTUAL_RULES,
  ...APPLICATION_RULES,
  ...SECURED_RULES,
  ...ORDER_RULES,
];

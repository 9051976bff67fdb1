// Runs the steps of a session in their order against the FHIR base URL given as argument, and names each one done.
import assert from 'node:assert/strict';

export const LOINC = 'http://loinc.org';

/** Steps of every session, as test_npm.py expects them. */
const NAMES = ['create', 'search', 'update', 'conditional create', 'patch', 'transaction', 'history'];

/**
 * @param {Object<string, function(object): Promise<void>>} steps by name; each gets what the steps before it left
 */
export async function run(steps) {
  assert.deepEqual(Object.keys(steps), NAMES);
  const state = {};
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step(state);
    } catch (error) {
      console.error(`${name}:`, error);
      process.exit(1);
    }
    console.log(name);
  }
  process.exit(0); // kept-alive connections would keep the process alive too
}

/** An Observation of `subject` on a day of May 2024. */
export function reading(subject, day) {
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: LOINC, code: '8867-4' }] },
    subject: { reference: subject },
    effectiveDateTime: `2024-05-0${day}`,
    valueInteger: day,
  };
}

/** A Patient by an identifier of this client's own. */
export function patient(system, value, more = {}) {
  return { resourceType: 'Patient', identifier: [{ system, value }], name: [{ family: 'Rocha' }], ...more };
}

/** A transaction: an Observation of a Patient who is made by the same Bundle, unless she exists. */
export function transaction(system, status = 'final') {
  const mother = 'urn:uuid:3f0c1d5e-6b1a-4d39-8a64-5f2a9c7e1b22';
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      { request: { method: 'POST', url: 'Observation' }, resource: { ...reading(mother, 6), status } },
      {
        fullUrl: mother,
        request: { method: 'POST', url: 'Patient', ifNoneExist: `identifier=${system}|mother` },
        resource: patient(system, 'mother'),
      },
    ],
  };
}

/** The first three digits of each entry's status. */
export const statuses = (bundle) => bundle.entry.map((entry) => entry.response.status.slice(0, 3));

/** What is the same in every manifest of NVIDIA's: namespaces, and the words of the TCG RIM information model in a SWID tag. */

/** ISO/IEC 19770-2:2015, the default namespace and that of `ns0:`. */
export const SWID_NAMESPACE = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd';
/** Of the hashes, `ns2:Hash0`; no algorithm's URI, but what genuine ones say. */
export const HASH_NAMESPACE = 'http://www.w3.org/2001/04/xmlenc#sha384';
/** TCG Reference Integrity Manifest information model, `ns1:`. */
export const RIM_NAMESPACE = 'https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/';
/** Who makes them. */
export const MANUFACTURER = 'NVIDIA Corporation';

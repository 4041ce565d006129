/** The words that made-up names are of. */

export const ADJECTIVES = `
  able agile amber ample apt arctic ardent artful autumn awake bold brave breezy bright brisk calm candid careful cheerful civil
  clear clever coastal cosy crisp curious daring dapper deft deep earnest eager easy even fabled fair fearless fine firm fleet
  fluent fond frank free fresh friendly gallant genial gentle giving glad golden graceful grand grateful green handy hardy hearty
  helpful honest hopeful humble inland jolly jovial keen kind lasting level lively logical loyal lucid lucky lunar mellow merry
  mild mindful modest musing navy neat nimble noble northern open orderly patient peaceful placid playful plucky polite prompt
  proud quick quiet ready robust rosy safe salty sane sharp shining silent silver simple sincere skilful sleepy smooth snug sober
  solar solid sound southern spirited stable steady sterling still sturdy subtle sunny sure swift tacit tame tender thorough tidal
  tidy tranquil true trusty upbeat upright useful valiant vernal vivid warm wise witty zesty
`
  .trim()
  .split(/\s+/);

/** People to whom computing, mathematics, the sciences and the sea owe something. */
export const SURNAMES = `
  abbe abel agnesi amundsen anning archimedes babbage bartik beaufort bernoulli bohr boole borg brahe cantor carson
  cerf chandrasekhar church clarke codd conway curie darwin dijkstra dirac eckert einstein engelbart erdos euclid euler faraday
  fermat fermi feynman floyd fourier franklin galileo galois gauss germain goedel goldberg goodall hamilton hamming heaviside
  hilbert hoare hopper humboldt huygens hypatia jemison johnson joliot kahn kepler kilby knuth kovalevskaya lagrange lamarr
  lamport landau laplace leavitt leibniz liskov lorenz lovelace maxwell mccarthy meitner mendel milner minsky mirzakhani moore
  nansen naur neumann newton noether ohm pascal payne perlman planck poincare ramanujan ritchie rosen rubin russell sammet
  shannon stallman sutherland tarjan tesla thompson tukey turing vaughan volta wiles wilkes wirth wu yalow zuse
`
  .trim()
  .split(/\s+/);

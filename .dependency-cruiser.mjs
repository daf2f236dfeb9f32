/**
 * The layers of shared/, lowest first: a layer may import itself and what is below it. A proof bundle carries headers, so
 * it is verified by the rules of the chain and stands beside them.
 */
const LAYERS = [
  ['bytes', 'hash', 'errors', 'params', 'codec', 'steps'],
  ['header', 'identity', 'crypto', 'roster', 'policy'],
  ['transaction', 'block', 'state-tree', 'history', 'session'],
  ['proof/(?!bundle)[^/]+', 'ledger'],
  ['chain', 'proof/bundle'],
  ['admission', 'trust', 'coordination', 'fleet'],
  ['protocol', 'device-profile'],
  ['gossip', 'transport', 'sync'],
]

/** Matches the modules of some layers, each a file or a folder. */
const modulesOf = (layers) => `^shared/(?:${layers.flat().join('|')})(?:/|\\.ts$)`

const layerRules = LAYERS.slice(0, -1).map((layer, index) => ({
  name: `shared-layer-${index + 1}-imports-no-higher`,
  comment: `${layer.join(', ')} may not import a higher layer of shared/.`,
  severity: 'error',
  from: { path: modulesOf([layer]) },
  to: { path: modulesOf(LAYERS.slice(index + 1)) },
}))

const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    forbid('no-cycles', 'Cycles hide who depends on whom.', {}, { circular: true }),
    forbid('no-unresolvable', 'The import leads nowhere.', {}, { couldNotResolve: true, pathNot: '^virtual:' }),
    forbid(
      'shared-is-pure',
      'shared/ imports only itself, @noble/*, @scure/* and micro-packed: bytes in, values out.',
      { path: '^shared/' },
      { pathNot: '^(?:shared/|node_modules/(?:@noble/|@scure/|micro-packed/))' },
    ),
    forbid(
      'shared-module-has-a-layer',
      'Give the module a place in LAYERS of .dependency-cruiser.mjs.',
      { path: '^shared/', pathNot: modulesOf(LAYERS) },
      { path: '^shared/' },
    ),
    ...layerRules,
    forbid(
      'proof-needs-no-tree',
      'A client verifies with hashes alone: no tree, no storage, not even through others.',
      { path: '^shared/proof/' },
      { path: '^shared/state-tree/(?:tree|update|storage|memory-storage|node-cache)\\.ts$', reachable: true },
    ),
    forbid('web-not-to-relay', 'web/ imports only shared/.', { path: '^web/' }, { path: '^(?:node-relay|scripts)/' }),
    forbid(
      'relay-not-to-web',
      'node-relay/ imports only shared/.',
      { path: '^node-relay/' },
      { path: '^(?:web|scripts)/' },
    ),
    forbid(
      'nothing-imports-tests',
      'Tests look at the sources, never the other way round.',
      { path: '^(?:shared|web|node-relay|scripts)/' },
      { path: '^test/' },
    ),
    forbid(
      'web-libp2p-only-in-network',
      'The page moves bytes in one place.',
      { path: '^web/', pathNot: '^web/network/' },
      { path: '^node_modules/(?:libp2p|@libp2p|@multiformats|@chainsafe)/' },
    ),
    forbid(
      'web-idb-only-in-store',
      'The browser database has one door.',
      { path: '^web/', pathNot: '^web/store/' },
      { path: '^node_modules/idb/' },
    ),
    forbid('web-without-node', 'There is no Node in a browser.', { path: '^web/' }, { dependencyTypes: ['core'] }),
    forbid(
      'sources-without-dev-dependencies',
      'What runs in production is a dependency, not a devDependency.',
      { path: '^(?:shared|web|node-relay)/' },
      {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
        // Types of modules that the build makes up.
        pathNot: '^node_modules/vite-plugin-pwa/',
      },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    // Types count: a layer that knows a higher one's types depends on it.
    tsPreCompilationDeps: true,
    detectJSDocImports: false,
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}

import { createMemoryStore } from '../../../web/store/memory-store.ts'
import { localStoreSuite } from '../../conformance/local-store.ts'

localStoreSuite('memory', createMemoryStore)

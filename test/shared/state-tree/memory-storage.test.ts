import { createMemoryStateStorage } from '../../../shared/state-tree/memory-storage.ts'
import { stateStorageSuite } from '../../conformance/state-storage.ts'

stateStorageSuite('memory', () => {
  const storage = createMemoryStateStorage()
  return { storage, write: (batch) => storage.write(batch) }
})

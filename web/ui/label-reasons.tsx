import { useEffect, useState } from 'preact/hooks'
import type { LabelDecision, Role } from '../../shared/admission/label-of.ts'
import { REQUIREMENT_WORDS, reasonValues } from '../../shared/admission/label-words.ts'
import { labelNames } from '../../shared/identity/label.ts'
import type { Failure } from '../worker/api.ts'
import { ask } from './ask.ts'
import { Icon } from './icons.tsx'
import { FailureNote } from './parts.tsx'
import type { PageActions } from './store.ts'

const ROLES: readonly { readonly role: Role; readonly title: string; readonly task: string }[] = [
  { role: 'full', title: 'Full', task: 'keeps the chain, mines and serves proofs' },
  { role: 'coordination', title: 'Coordination', task: 'admits newcomers and says who serves whom' },
]

/** Which label this device fits, and by what. It measures when it is shown: nobody pays for what nobody asks. */
export function LabelReasons({ actions }: { actions: PageActions }) {
  const [decision, setDecision] = useState<LabelDecision>()
  const [failure, setFailure] = useState<Failure>()
  useEffect(() => {
    let isShown = true
    void ask(actions.call, { call: 'explain-label' }).then((outcome) => {
      if (!isShown) return
      if (outcome.ok) setDecision(outcome.value)
      else setFailure(outcome)
    })
    return () => {
      isShown = false
    }
  }, [actions])
  if (failure !== undefined) return <FailureNote failure={failure} testId="label-failure" />
  if (decision === undefined)
    return (
      <p class="muted small" role="status">
        Measuring…
      </p>
    )
  return (
    <div class="reasons" data-testid="label-reasons" data-label={labelNames(decision.label).join(' ')}>
      <p>
        By its own measure this device is <strong>{labelNames(decision.label).join(' and ')}</strong>. It becomes more
        only when others have measured the same, and admitted it.
      </p>
      {ROLES.map(({ role, title, task }) => (
        <section key={role}>
          <h3>{title}</h3>
          <p class="muted small">{task}</p>
          <ul class="incidents">
            {decision.reasons
              .filter((reason) => reason.role === role)
              .map((reason) => {
                const { have, need } = reasonValues(reason)
                return (
                  <li
                    key={reason.requirement}
                    data-requirement={`${role} ${reason.requirement}`}
                    data-met={reason.isMet}
                  >
                    <span class={`incident-icon tone-${reason.isMet ? 'good' : 'idle'}`}>
                      <Icon name={reason.isMet ? 'check' : 'note'} size={18} />
                    </span>
                    <span>
                      <strong>{REQUIREMENT_WORDS[reason.requirement]}</strong>: {have}
                      {!reason.isMet && <span class="muted">, needs {need}</span>}
                    </span>
                  </li>
                )
              })}
          </ul>
        </section>
      ))}
    </div>
  )
}

/** A field for long text that people paste: links and vouchers. Nothing helps them spell it. */
export function PasteField(props: {
  id: string
  testId: string
  label: string
  rows: number
  value: string
  onText: (text: string) => void
  placeholder?: string
}) {
  return (
    <>
      <label for={props.id}>{props.label}</label>
      <textarea
        id={props.id}
        data-testid={props.testId}
        class="mono"
        rows={props.rows}
        value={props.value}
        onInput={(event) => props.onText(event.currentTarget.value)}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder={props.placeholder}
      />
    </>
  )
}

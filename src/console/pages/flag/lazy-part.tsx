import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Spinner } from '../../parts/display/empty.tsx'

/** A part that is loaded when it is shown for the first time. */
export function lazyPart<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let loaded: ComponentType<Props> | undefined
  return function LazyPart(props: Props) {
    const [Part, setPart] = useState(() => loaded)
    useEffect(() => {
      if (Part) return
      const show = async () => {
        loaded = await load()
        setPart(() => loaded)
      }
      void show()
    }, [])
    return Part ? <Part {...props} /> : <Spinner />
  }
}

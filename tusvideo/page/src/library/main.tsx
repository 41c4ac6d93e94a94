import { render } from 'preact'
import { Shell } from '../shared/chrome'
import { t } from '../shared/i18n'
import { start } from '../shared/start'

await start({}, {})
render(<Shell page="library"><h1>{t('nav.library')}</h1></Shell>, document.getElementById('app')!)

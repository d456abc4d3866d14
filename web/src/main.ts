// Starts the app.
import '@fontsource-variable/figtree/index.css';
import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { getLocale, initLocale } from './i18n';
import { storedLook } from './state/settings.svelte';

initLocale(storedLook().locale, navigator.languages);
document.documentElement.lang = getLocale();

const target = document.getElementById('app');
if (target) mount(App, { target });

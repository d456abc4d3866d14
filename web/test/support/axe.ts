// Accessibility faults of a page, as axe finds them.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** One line for each element that breaks a WCAG 2.2 A or AA rule, or one of these `rules`. */
export async function accessibilityFaults(page: Page, rules?: string[]): Promise<string[]> {
  await page.evaluate(SOURCE);
  return page.evaluate(async (rules) => {
    interface Axe {
      run: (
        context: Document,
        options: object,
      ) => Promise<{ violations: { id: string; nodes: { target: string[]; failureSummary?: string }[] }[] }>;
    }
    const { axe } = window as unknown as { axe: Axe };
    const found = await axe.run(document, {
      runOnly: rules ?? ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return found.violations.flatMap((fault) =>
      fault.nodes.map(
        (node) => `${fault.id}: ${node.target.join(' ')} — ${node.failureSummary?.split('\n')[1] ?? ''}`,
      ),
    );
  }, rules);
}

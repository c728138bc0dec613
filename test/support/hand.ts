import type { Locator, Page } from 'playwright-core'

/** Presses of the mouse or of a key that stands for it; typing is free. */
export class Hand {
  presses = 0
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  async press(target: Locator): Promise<void> {
    await target.waitFor()
    this.presses += 1
    await target.click()
  }
}
